/*
 * Registers and descriptors of the 82540EM: offsets into BAR 0 and the bits that the model acts
 * upon. Source: Intel, "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's
 * Manual" (8254x), chapters 3 (descriptors), 5 (EEPROM), 8 (PHY) and 13 (registers).
 */
#ifndef STRATA_VMM_E1000_REGS_H
#define STRATA_VMM_E1000_REGS_H

#include <stdint.h>

#define REGS_BYTES 0x6000 /* of BAR 0's 128 KiB; beyond it there are no registers */

enum {
	REG_CTRL = 0x0000,
	REG_CTRL_DUP = 0x0004,
	REG_STATUS = 0x0008,
	REG_EECD = 0x0010,
	REG_EERD = 0x0014,
	REG_CTRL_EXT = 0x0018,
	REG_FLA = 0x001c,
	REG_MDIC = 0x0020,
	REG_FCAL = 0x0028,
	REG_FCAH = 0x002c,
	REG_FCT = 0x0030,
	REG_VET = 0x0038,
	REG_ICR = 0x00c0,
	REG_ITR = 0x00c4,
	REG_ICS = 0x00c8,
	REG_IMS = 0x00d0,
	REG_IMC = 0x00d8,
	REG_RCTL = 0x0100,
	REG_FCTTV = 0x0170,
	REG_TXCW = 0x0178,
	REG_RXCW = 0x0180,
	REG_TCTL = 0x0400,
	REG_TIPG = 0x0410,
	REG_AIT = 0x0458,
	REG_LEDCTL = 0x0e00,
	REG_PBA = 0x1000,
	REG_FCRTL = 0x2160,
	REG_FCRTH = 0x2168,
	REG_RDFH = 0x2410,
	REG_RDFPC = 0x2430,
	REG_RDBAL = 0x2800,
	REG_RDBAH = 0x2804,
	REG_RDLEN = 0x2808,
	REG_RDH = 0x2810,
	REG_RDT = 0x2818,
	REG_RDTR = 0x2820,
	REG_RXDCTL = 0x2828,
	REG_RADV = 0x282c,
	REG_RSRPD = 0x2c00,
	REG_TDFH = 0x3410,
	REG_TDFPC = 0x3430,
	REG_TDBAL = 0x3800,
	REG_TDBAH = 0x3804,
	REG_TDLEN = 0x3808,
	REG_TDH = 0x3810,
	REG_TDT = 0x3818,
	REG_TIDV = 0x3820,
	REG_TXDCTL = 0x3828,
	REG_TADV = 0x382c,
	REG_TSPMT = 0x3830,
	REG_STATISTICS = 0x4000, /* to 0x4124 */
	REG_RXCSUM = 0x5000,
	REG_MTA = 0x5200,  /* 128 */
	REG_RA = 0x5400,   /* 16 pairs: low, high */
	REG_VFTA = 0x5600, /* 128 */
	REG_WUC = 0x5800,
	REG_WUFC = 0x5808,
	REG_WUS = 0x5810,
	REG_MANC = 0x5820,
	REG_IPAV = 0x5838,
	REG_IP4AT = 0x5840,
	REG_IP6AT = 0x5880,
	REG_WUPL = 0x5900,
	REG_FFLT = 0x5f00,
};

#define RA_ENTRIES 16

#define CTRL_FD        (1u << 0)
#define CTRL_SLU       (1u << 6)
#define CTRL_SPD_1000  (1u << 9)
#define CTRL_RST       (1u << 26)
#define CTRL_VME       (1u << 30)
#define CTRL_PHY_RST   (1u << 31)
#define CTRL_EXT_EERST (1u << 13)

#define STATUS_FD         (1u << 0)
#define STATUS_LU         (1u << 1)
#define STATUS_SPEED_1000 (1u << 7)
#define STATUS_ASDV_1000  (1u << 9)

#define MDIC_DATA      0xffffu
#define MDIC_REG_SHIFT 16
#define MDIC_PHY_SHIFT 21
#define MDIC_WRITE     (1u << 26)
#define MDIC_READ      (1u << 27)
#define MDIC_READY     (1u << 28)
#define MDIC_INT       (1u << 29)
#define MDIC_ERROR     (1u << 30)

/* Interrupt causes: ICR, ICS, IMS, IMC. */
#define INT_TXDW   (1u << 0) /* a transmit descriptor was written back */
#define INT_TXQE   (1u << 1) /* the transmit ring is empty */
#define INT_LSC    (1u << 2) /* the link changed */
#define INT_RXDMT0 (1u << 4) /* few receive descriptors are left */
#define INT_RXO    (1u << 6) /* a frame found no receive descriptors */
#define INT_RXT0   (1u << 7) /* a frame was received */
#define INT_MDAC   (1u << 9) /* an MDIC access is done */

#define RCTL_EN          (1u << 1)
#define RCTL_SBP         (1u << 2)
#define RCTL_UPE         (1u << 3)
#define RCTL_MPE         (1u << 4)
#define RCTL_LPE         (1u << 5)
#define RCTL_RDMTS_SHIFT 8
#define RCTL_MO_SHIFT    12
#define RCTL_BAM         (1u << 15)
#define RCTL_BSIZE_SHIFT 16
#define RCTL_VFE         (1u << 18)
#define RCTL_CFIEN       (1u << 19)
#define RCTL_CFI         (1u << 20)
#define RCTL_BSEX        (1u << 25)
#define RCTL_SECRC       (1u << 26)

#define TCTL_EN  (1u << 1)
#define TCTL_PSP (1u << 3)

#define RAH_AS (3u << 16) /* what is compared; 0 is the destination */
#define RAH_AV (1u << 31)

#define DELAY_FPD    (1u << 31) /* RDTR, TIDV: the timer expires at once */
#define RXCSUM_TUOFL (1u << 9)

struct rx_descriptor {
	uint64_t address;
	uint16_t length;
	uint16_t checksum;
	uint8_t status;
	uint8_t errors;
	uint16_t special;
};

#define RXD_DD    (1u << 0)
#define RXD_EOP   (1u << 1)
#define RXD_IXSM  (1u << 2)
#define RXD_VP    (1u << 3)
#define RXD_TCPCS (1u << 5)
#define RXD_PIF   (1u << 7)

#define RXD_ERROR_RXE (1u << 7)

/* Transmit descriptors of all three kinds, by their two words. */
struct tx_descriptor {
	uint64_t address; /* or a context's checksum fields */
	uint32_t lower;
	uint32_t upper;
};

#define TXD_LENGTH_LEGACY 0xffffu
#define TXD_LENGTH        0xfffffu
#define TXD_CSO_SHIFT     16 /* legacy */
#define TXD_DTYP          (0xfu << 20)
#define TXD_DTYP_DATA     (1u << 20)
#define TXD_EOP           (1u << 24)
#define TXD_IFCS          (1u << 25)
#define TXD_IC            (1u << 26) /* legacy: insert a checksum */
#define TXD_TSE           (1u << 26) /* data and context: segment */
#define TXD_RS            (1u << 27)
#define TXD_DEXT          (1u << 29)
#define TXD_VLE           (1u << 30)
#define TXD_IDE           (1u << 31)
#define TXD_CONTEXT_TCP   (1u << 24)
#define TXD_CONTEXT_IP    (1u << 25)

#define TXD_DD            (1u << 0) /* in upper, as is all below */
#define TXD_CSS_SHIFT     8         /* legacy */
#define TXD_IXSM          (1u << 8)
#define TXD_TXSM          (1u << 9)
#define TXD_SPECIAL_SHIFT 16

#endif
