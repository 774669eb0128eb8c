# libprobes: eBPF programs for host and guest, compiled to a skeleton, and the library around
# them; strata-agent, which runs them in a guest.

probes_BPF     := $(wildcard probes/bpf/*.bpf.c)
probes_BPF_O   := $(patsubst %.c,$(B)/%.o,$(probes_BPF))
probes_SKEL    := $(B)/probes/probes.skel.h
probes_SRCS    := $(wildcard probes/*.c)
probes_LIBS    := -lbpf -lelf -lz
BPFTOOL        ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
BPF_CLANG      ?= clang
# The multiarch folder holds asm/, which clang does not look for when the target is bpf.
probes_MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
probes_BPF_FLAGS = -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
	-D__TARGET_ARCH_x86 -I. -I/usr/include/$(probes_MULTIARCH) -MMD -MP

$(B)/probes/bpf/%.bpf.o: probes/bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(BPF_CLANG) $(probes_BPF_FLAGS) -c -o $@ $<

$(B)/probes/probes.bpf.o: $(probes_BPF_O)
	$(call say,BPF,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(probes_SKEL): $(B)/probes/probes.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name probes_bpf >$@

$(call objs,$(probes_SRCS)): $(probes_SKEL)

$(eval $(call archive,libprobes.a,$(probes_SRCS)))

# Static: it runs in an initramfs that holds no libraries.
agent_SRCS := $(wildcard probes/agent/*.c)
$(eval $(call program,strata-agent,$(agent_SRCS),$(B)/libprobes.a $(LIB),-ljansson $(probes_LIBS)))
$(B)/bin/strata-agent: LDFLAGS += -static -s

$(eval $(call unit_test,test_probes_configure,tests/unit/probes/test_configure.c,$(B)/libprobes.a $(LIB),$(probes_LIBS)))
$(eval $(call unit_test,test_agent,tests/unit/probes/test_agent.c $(filter-out %/main.c,$(agent_SRCS)),$(B)/libprobes.a $(LIB),-ljansson $(probes_LIBS)))
$(eval $(call unit_test,test_service,tests/unit/probes/test_service.c $(addprefix probes/agent/,service.c watch.c capture.c),$(LIB),-ljansson))
