# Readers of the formats that strata exports, for its tests: packages of npm's, where there is an npm.
READERS := $(B)/readers/stamp

$(READERS): tests/readers/package.json tests/readers/package-lock.json
	@mkdir -p $(@D)
	$(call say,NPM,$<)
	$(Q)cp $^ $(@D)/ && cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log && touch $(@F)

# Tests that need them are skipped without.
readers:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(READERS) || \
		echo "npm could not install $(B)/readers: its messages are above" >&2; fi

.PHONY: readers
