# strata: what is built, from what. One Makefile; each room adds its own build.mk.
#
#   make            the driver ./strata and every program under build/bin/
#   make deps       install the Debian packages that all of this needs (as root)
#   make demo       the main job: one request through a VM, and where its time went
#   make check      unit tests here, system tests in the testbed machine
#   make check-long the same with streams of a minute and ten times the pings and megabytes: hours
#   make lint       formatting, cppcheck
#
# Programs are build/bin/strata-CMD; "./strata CMD ..." runs them, as git does.

B := build

CLANG    ?= clang
CPPFLAGS += -I. -I$(B) -D_GNU_SOURCE
CFLAGS   ?= -O2 -g
CFLAGS   += -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -pthread -MMD -MP
LDFLAGS  += -pthread

# "make V=1" shows whole commands.
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' '$(1)' '$(2)')

.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

PROGRAMS   :=
UNIT_TESTS :=
FUZZERS    :=

objs = $(patsubst %.c,$(B)/%.o,$(1))

# $(call program,NAME,SOURCES,OUR ARCHIVES,SYSTEM LIBRARIES): a program build/bin/NAME
define program
PROGRAMS += $(B)/bin/$(1)
$(B)/bin/$(1): $(call objs,$(2)) $(3)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $(4)
endef

# $(call archive,NAME,SOURCES): an archive build/NAME
define archive
$(B)/$(1): $(call objs,$(2))
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^
endef

# $(call unit_test,NAME,SOURCES,OUR ARCHIVES,SYSTEM LIBRARIES): a cmocka program build/tests/NAME
define unit_test
UNIT_TESTS += $(B)/tests/$(1)
$(B)/tests/$(1): $(call objs,$(2)) $(3)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $(4) -lcmocka
endef

# $(call fuzzer,NAME,SOURCES,SYSTEM LIBRARIES): a libFuzzer program build/fuzz/NAME, all of it sanitised
define fuzzer
FUZZERS += $(B)/fuzz/$(1)
$(B)/fuzz/$(1): $(2)
	@mkdir -p $$(@D)
	$$(call say,FUZZ,$$@)
	$$(Q)$$(CLANG) $$(CPPFLAGS) -std=gnu11 -g -O1 -pthread -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -o $$@ $$(filter %.c,$$^) $(3)
endef

LIB := $(B)/libstrata.a
include $(wildcard */build.mk */*/build.mk)

all: $(PROGRAMS) strata

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

-include $(shell find $(B) -type f -name '*.d' 2>/dev/null)

# ---- the packages ----
# One list for build, demo and tests; all of them Debian 12's. Nothing is started or configured.

DEB_PACKAGES := \
	build-essential pkg-config git \
	clang libclang-rt-14-dev llvm bpftool \
	libbpf-dev libelf-dev zlib1g-dev libpcap-dev libncurses-dev libjansson-dev libssl-dev \
	libzstd-dev liblz4-dev liblzma-dev liburing-dev libcmocka-dev systemtap-sdt-dev acpica-tools \
	cpio xz-utils zstd iproute2 procps \
	curl jq python3 qemu-system-x86 qemu-utils \
	libyaml-dev libpq-dev libcurl4-openssl-dev libmicrohttpd-dev tshark python3-prometheus-client \
	fio iperf3 stress-ng redis-tools iputils-ping nftables tmux wrk tcpdump bpftrace openssl

deps:
	@tests/tools/install-packages $(DEB_PACKAGES)

# ---- the main job ----

MODE ?= virtio

demo: deps
	@$(MAKE) --no-print-directory -j2 all guest-image testbed-image
	-@./strata doctor
	@echo
	./strata demo --mode $(MODE) $(DEMO_OPTIONS)

# The same server in several modes, side by side: COMPARE_OPTIONS are modes and options.
compare: deps
	@$(MAKE) --no-print-directory -j2 all guest-image testbed-image
	./strata compare $(COMPARE_OPTIONS)

# ---- the tests ----

# ONLY=GLOB: of the system tests, only those whose names match. LANES=N: N testbed machines at a time at most.
check: deps
	@$(MAKE) --no-print-directory -j2 all guest-image guest-tools testbed-image ovs unit-tests fuzzers test-tools readers
	@ONLY="$(ONLY)" LANES="$(LANES)" tests/check

# Tests ask for STRATA_LONG=1 where a short run shows what a long one does, if with less chance to find what is rare.
check-long:
	@STRATA_LONG=1 $(MAKE) --no-print-directory check

unit-tests: $(UNIT_TESTS)
fuzzers: $(FUZZERS)
test-tools: $(TEST_TOOLS)

# Seconds per fuzzer; "make check" gives each a few seconds.
FUZZ_SECONDS ?= 600

fuzz: $(FUZZERS)
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

# ---- style ----

C_FILES = $(shell git ls-files '*.c' '*.h')

lint:
	@tests/tools/install-packages clang-format cppcheck
	@clang-format --dry-run --Werror $(C_FILES)
	@cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr -j2 \
		--suppress=missingIncludeSystem -D__x86_64__ --include=tests/tools/cppcheck.h -I. $(filter-out tests/% %.bpf.c,$(filter %.c,$(C_FILES)))

format:
	@clang-format -i $(C_FILES)

clean:
	rm -rf $(B) strata

.PHONY: all deps demo compare check check-long unit-tests fuzzers test-tools fuzz lint format clean
