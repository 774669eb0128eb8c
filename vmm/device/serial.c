/*
 * A 16550A at the first PC serial port (0x3f8, IRQ 4), whose line is the console.
 * National Semiconductor PC16550D data sheet, chapter 8.
 *
 * Transmission is instant: the transmitter is always empty, and says so by interrupt if asked
 * to.
 *
 * Threading: registers on vCPU threads, input on the I/O thread, both under lock.
 */
#include <linux/serial_reg.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/console.h"
#include "vmm/kvm.h"
#include "vmm/machine.h"
#include "vmm/device/devices.h"

#define PORT 0x3f8
#define GSI  4

/* Input waiting to be read: the chip's FIFO and then some, so that pasting loses nothing. */
#define INPUT_BYTES 256

struct serial {
	struct machine *machine;
	struct bus_range range;
	pthread_mutex_t lock;
	struct console *console;
	uint8_t ier, lcr, mcr, scratch, fcr;
	uint16_t divisor;
	bool transmitter_news; /* an interrupt says so until IIR is read */
	bool line;
	uint8_t input[INPUT_BYTES];
	unsigned int head, count;
	uint64_t sent, received, overruns;
};

static uint8_t interrupt_id(const struct serial *s)
{
	if ((s->ier & UART_IER_RDI) && s->count)
		return UART_IIR_RDI;
	if ((s->ier & UART_IER_THRI) && s->transmitter_news)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void update_line(struct serial *s)
{
	bool line = interrupt_id(s) != UART_IIR_NO_INT;

	if (line != s->line)
		kvm_irq_line(s->machine, GSI, line);
	s->line = line;
}

static void receive(struct serial *s, uint8_t byte)
{
	if (s->count == INPUT_BYTES) {
		s->overruns++;
		return;
	}
	s->input[(s->head + s->count++) % INPUT_BYTES] = byte;
	s->received++;
}

static uint8_t read_data(struct serial *s)
{
	uint8_t byte;

	if (!s->count)
		return 0;
	byte = s->input[s->head];
	s->head = (s->head + 1) % INPUT_BYTES;
	s->count--;
	if (s->console)
		console_accept(s->console, INPUT_BYTES - s->count >= CONSOLE_CHUNK);
	return byte;
}

static uint8_t read_interrupt_id(struct serial *s)
{
	uint8_t id = interrupt_id(s);

	if (id == UART_IIR_THRI)
		s->transmitter_news = false;
	return id | (s->fcr & UART_FCR_ENABLE_FIFO ? 0xc0 : 0);
}

/* Loopback ties the modem's outputs to its inputs (8.6.7). */
static uint8_t modem_status(const struct serial *s)
{
	if (!(s->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	return (uint8_t)((s->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
			 (s->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
			 (s->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
			 (s->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0));
}

static uint8_t register_read(struct serial *s, uint64_t offset)
{
	bool dlab = s->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_RX:
		return dlab ? (uint8_t)s->divisor : read_data(s);
	case UART_IER:
		return dlab ? (uint8_t)(s->divisor >> 8) : s->ier;
	case UART_IIR:
		return read_interrupt_id(s);
	case UART_LCR:
		return s->lcr;
	case UART_MCR:
		return s->mcr;
	case UART_LSR:
		return (uint8_t)(UART_LSR_TEMT | UART_LSR_THRE | (s->count ? UART_LSR_DR : 0));
	case UART_MSR:
		return modem_status(s);
	default:
		return s->scratch;
	}
}

static void transmit(struct serial *s, uint8_t byte)
{
	s->transmitter_news = true;
	if (s->mcr & UART_MCR_LOOP) {
		receive(s, byte);
		return;
	}
	s->sent++;
	if (s->console)
		console_put(s->console, byte);
}

static void write_ier(struct serial *s, uint8_t value)
{
	/* Asking for the transmitter's interrupt while it is empty gives one at once (8.6.6).
	 */
	if (!(s->ier & UART_IER_THRI) && (value & UART_IER_THRI))
		s->transmitter_news = true;
	s->ier = value & 0x0f;
}

static void register_write(struct serial *s, uint64_t offset, uint8_t value)
{
	bool dlab = s->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_TX:
		if (dlab)
			s->divisor = (uint16_t)((s->divisor & 0xff00) | value);
		else
			transmit(s, value);
		break;
	case UART_IER:
		if (dlab)
			s->divisor = (uint16_t)((s->divisor & 0xff) | value << 8);
		else
			write_ier(s, value);
		break;
	case UART_FCR:
		s->fcr = value;
		if (value & UART_FCR_CLEAR_RCVR)
			s->count = 0;
		break;
	case UART_LCR:
		s->lcr = value;
		break;
	case UART_MCR:
		s->mcr = value & 0x1f;
		break;
	case UART_SCR:
		s->scratch = value;
		break;
	}
}

static uint64_t serial_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct serial *s = r->owner;
	uint8_t value;

	(void)size;
	pthread_mutex_lock(&s->lock);
	value = register_read(s, offset);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
	return value;
}

static void serial_write(struct bus_range *r, uint64_t offset, uint64_t value,
			 unsigned int size)
{
	struct serial *s = r->owner;

	(void)size;
	pthread_mutex_lock(&s->lock);
	register_write(s, offset, (uint8_t)value);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

static void input(void *owner, const uint8_t *bytes, size_t count)
{
	struct serial *s = owner;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < count; i++)
		receive(s, bytes[i]);
	console_accept(s->console, INPUT_BYTES - s->count >= CONSOLE_CHUNK);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

static int check(const struct arguments *a)
{
	if (a->count > 1)
		return err_set("one of stdio, file=PATH and none, please");
	return 0;
}

static int create(struct device *d, const struct arguments *a)
{
	struct machine *m = d->machine;
	struct serial *s = calloc(1, sizeof(*s));
	const char *path = arguments_get(a, "file", NULL);
	enum console_mode mode = CONSOLE_STDIO;

	if (!s)
		return err_errno("cannot make the serial port");
	d->state = s;
	s->machine = m;
	pthread_mutex_init(&s->lock, NULL);
	if (path)
		mode = CONSOLE_FILE;
	else if (arguments_has(a, "none"))
		mode = CONSOLE_NONE;
	s->console = console_open(m, mode, path, input, s);
	m->console = s->console;
	s->range = (struct bus_range){.name = "serial port",
				      .base = PORT,
				      .bytes = 8,
				      .read = serial_read,
				      .write = serial_write,
				      .owner = s};
	return s->console ? bus_add(m->ports, &s->range) : -1;
}

static void destroy(struct device *d)
{
	struct serial *s = d->state;

	if (!s)
		return;
	console_close(s->console);
	d->machine->console = NULL;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void status(struct device *d, json_t *into)
{
	struct serial *s = d->state;

	pthread_mutex_lock(&s->lock);
	json_object_set_new(into, "sent", json_integer((json_int_t)s->sent));
	json_object_set_new(into, "lost", json_integer((json_int_t)console_lost(s->console)));
	json_object_set_new(into, "received", json_integer((json_int_t)s->received));
	json_object_set_new(into, "overruns", json_integer((json_int_t)s->overruns));
	pthread_mutex_unlock(&s->lock);
}

static const struct argument arguments[] = {
	{.key = "stdio",
	 .help = "this terminal (the default); keys go to the guest, Ctrl-A x quits"},
	{.key = "file", .value = "PATH", .help = "write what the guest says to a file"},
	{.key = "none", .help = "forget it"},
	{NULL},
};

const struct device_type device_serial = {
	.name = "console",
	.help = "where the guest's serial console ttyS0 goes",
	.arguments = arguments,
	.always = true,
	.check = check,
	.create = create,
	.destroy = destroy,
	.status = status,
};
