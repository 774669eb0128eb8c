# Exports of recordings: a file per format, pure functions of what the analysis finds; and the ways out.
export_PURE := $(addprefix reports/export/,csv.c export.c frame.c ids.c jsonl.c openmetrics.c otlp.c pcapng.c \
	pcapng_blocks.c perfetto.c text.c)
export_WAYS := $(addprefix reports/export/,feed.c main.c options.c post.c serve.c)
export_ARCHIVES := $(B)/libexport.a $(B)/libtracer.a $(LIB)

$(eval $(call archive,libexport.a,$(export_PURE)))
$(eval $(call program,strata-export,$(export_WAYS),$(export_ARCHIVES),$(tracer_PURE_LIBS) -lm -lcurl -lmicrohttpd))
$(eval $(call unit_test,test_export,tests/unit/reports/test_export.c,$(export_ARCHIVES),$(tracer_PURE_LIBS) -lm))
