/* The formats, a file each; export_formats lists them. */
#ifndef STRATA_REPORTS_EXPORT_FORMATS_H
#define STRATA_REPORTS_EXPORT_FORMATS_H

#include "reports/export/export.h"

extern const struct export_format export_pcapng, export_perfetto, export_otlp,
	export_openmetrics, export_csv, export_jsonl;

#endif
