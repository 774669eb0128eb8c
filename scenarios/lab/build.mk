# The laboratory: namespaces, a wire, a bridge, servers. For whoever experiments.
$(eval $(call archive,liblab.a,$(wildcard scenarios/lab/*.c)))
