# The same machine under strata's monitor and under others: make bench-peers.
PEERS_OPTIONS ?=

$(eval $(call program,strata-peers,bench/peers/main.c,$(addprefix $(B)/,libbench.a libdoctor.a) $(LIB),-ljansson -lbpf -lelf -lz -lm))

# Where this machine cannot run virtual machines itself, in the testbed.
bench-peers: deps
	@$(MAKE) --no-print-directory -j2 all guest-image guest-tools testbed-image
	@case $$(./strata doctor --where) in \
	here) ./strata peers $(PEERS_OPTIONS) ;; \
	testbed) ./strata testbed run --timeout 21600 -- ./strata peers $(PEERS_OPTIONS) ;; \
	*) echo "bench-peers: neither this machine nor a testbed on it can run virtual machines" >&2; exit 1 ;; \
	esac

.PHONY: bench-peers
