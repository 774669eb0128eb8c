# ./strata, the driver: "strata CMD" runs strata-CMD.
strata: $(call objs,lib/driver/strata.c)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
