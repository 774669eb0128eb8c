# The freestanding guest: one flat image, which strata-bench carries inside.
micro_CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -fno-pic -mcmodel=small -mno-red-zone \
	-mgeneral-regs-only -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables

$(B)/bench/micro/guest.elf: bench/micro/guest/main.c bench/micro/guest/entry.S bench/micro/guest/micro.ld bench/micro/guest/shared.h
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)$(CC) -I. $(micro_CFLAGS) -static -no-pie -nostdlib -Wl,-T,bench/micro/guest/micro.ld -Wl,--build-id=none \
		-Wl,--no-warn-rwx-segments -o $@ bench/micro/guest/main.c bench/micro/guest/entry.S

$(B)/bench/micro/guest.bin: $(B)/bench/micro/guest.elf
	$(Q)objcopy -O binary $< $@

$(B)/bench/micro/blob.o: bench/micro/guest/blob.S $(B)/bench/micro/guest.bin
	$(Q)$(CC) -I$(B) -Wa,-I$(B) -c -o $@ $<
