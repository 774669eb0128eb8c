/*
 * What a guest cannot discover by itself: the PCI host bridge with its windows and interrupt routing,
 * the serial port, the clock, the panic port, the switched-off state. The 64-bit window depends on how
 * much memory there is: P64B and P64L (base and length) come in a small SSDT that acpi.c writes.
 */
DefinitionBlock ("dsdt.aml", "DSDT", 2, "STRATA", "STRATAVM", 1)
{
	External (\P64B, IntObj)
	External (\P64L, IntObj)

	/* S5, soft off: the value that PM1a control takes as SLP_TYP (vmm/device/pm.c). */
	Name (\_S5, Package () { 5, 5, 0, 0 })

	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A03"))
			Name (_UID, 0)
			Name (_BBN, 0)

			Method (_CRS, 0, Serialized)
			{
				Name (CRS, ResourceTemplate ()
				{
					WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
						0, 0, 0, 0, 1)
					IO (Decode16, 0xcf8, 0xcf8, 1, 8)
					WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
						0, 0x1000, 0xffff, 0, 0xf000)
					DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
						NonCacheable, ReadWrite,
						0, 0xc0000000, 0xfebfffff, 0, 0x3ec00000)
					QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
						Cacheable, ReadWrite,
						0, 0x0, 0x1, 0, 0x2, , , W64)
				})
				CreateQWordField (CRS, W64._MIN, MIN)
				CreateQWordField (CRS, W64._MAX, MAX)
				CreateQWordField (CRS, W64._LEN, LEN)
				MIN = \P64B
				LEN = \P64L
				MAX = MIN + LEN - 1
				Return (CRS)
			}

			/* INTA# of slot n is GSI 16 + n % 4, as vmm/pci.c wires it. */
			Method (_PRT, 0, Serialized)
			{
				Local0 = Package (32) {}
				Local1 = 0
				While (Local1 < 32)
				{
					Local2 = Package (4) { 0, 0, 0, 0 }
					Local2[0] = (Local1 << 16) | 0xffff
					Local2[3] = 16 + (Local1 & 3)
					Local0[Local1] = Local2
					Local1++
				}
				Return (Local0)
			}
		}

		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 1)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x3f8, 0x3f8, 1, 8)
				IRQNoFlags () { 4 }
			})
		}

		Device (RTC)
		{
			Name (_HID, EisaId ("PNP0B00"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x70, 0x70, 1, 2)
			})
		}

		/* pvpanic, as QEMU has it: docs/specs/pvpanic. */
		Device (PEVT)
		{
			Name (_HID, "QEMU0001")
			Name (_STA, 0xf)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x505, 0x505, 1, 1)
			})
		}
	}
}
