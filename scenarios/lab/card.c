/* The card that is passed through: lent to the VM (lib/lent.h), and the log of what that took.
 */
#include <stdio.h>

#include "lib/err.h"
#include "scenarios/lab/internal.h"

#define NET_NAME "strata-lab"

int lab_repair_card(void)
{
	return lent_repair(NET_NAME);
}

/* The commands that it stands for, for whoever wants to know. */
static FILE *open_log(const struct lab_site *site, const char *mode)
{
	char path[320];
	FILE *told;

	snprintf(path, sizeof(path), "%s/passthrough.log", site->folder);
	told = fopen(path, mode);
	if (!told)
		err_errno("write %s", path);
	return told;
}

int lab_take_card(struct lab *lab)
{
	const struct lab_wire *wire = &lab->site->wire;
	const char *card = wire->spare[0] ? wire->spare : wire->uplink;
	FILE *told = open_log(lab->site, "we");
	int result;

	if (!told)
		return -1;
	lent_card_address(lab->device, card);
	result = lab->device[0]
			 ? lent_take(&lab->lent, NET_NAME, lab->device, false, told)
			 : err_set("%s is no PCI card, so it cannot be passed through", card);
	fclose(told);
	return result;
}

void lab_return_card(struct lab *lab)
{
	FILE *told = lab->lent.guardian ? open_log(lab->site, "ae") : NULL;

	lent_return(&lab->lent, told);
	if (told)
		fclose(told);
}
