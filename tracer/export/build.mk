# Exports of recordings, a file per format; pure but for the program's own files and sockets.
export_PURE := $(addprefix tracer/export/,csv.c export.c frame.c jsonl.c pcapng.c pcapng_blocks.c perfetto.c text.c)
export_ARCHIVES := $(B)/libexport.a $(B)/libtracer.a $(LIB)

$(eval $(call archive,libexport.a,$(export_PURE)))
$(eval $(call program,strata-export,$(addprefix tracer/export/,main.c options.c),$(export_ARCHIVES),$(tracer_PURE_LIBS)))
$(eval $(call unit_test,test_export,tests/unit/tracer/test_export.c,$(export_ARCHIVES),$(tracer_PURE_LIBS)))
