/* The colour schemes. See scheme.h. */
#include "tui/scheme.h"

#include <string.h>

#define B ATTRIBUTE_BOLD
#define D ATTRIBUTE_DIM
#define U ATTRIBUTE_UNDERLINE
#define N COLOUR_DEFAULT

const struct scheme schemes[] = {
	{.name = "mono",
	 .title = "no colours",
	 .colours = 0,
	 .style = {[STYLE_TEXT] = {N, 0},
		   [STYLE_DIM] = {N, D},
		   [STYLE_STRONG] = {N, B},
		   [STYLE_FRAME] = {N, 0},
		   [STYLE_KEY] = {N, B},
		   [STYLE_GOOD] = {N, 0},
		   [STYLE_BAD] = {N, B | U},
		   [STYLE_EXTERNAL] = {N, 0},
		   [STYLE_HOST] = {N, 0},
		   [STYLE_HYPERVISOR] = {N, 0},
		   [STYLE_VM] = {N, 0},
		   [STYLE_SERVICE] = {N, 0},
		   [STYLE_UNATTRIBUTED] = {N, D}}},
	{.name = "dark",
	 .title = "for dark terminals",
	 .colours = 8,
	 .style = {[STYLE_TEXT] = {N, 0},
		   [STYLE_DIM] = {N, D},
		   [STYLE_STRONG] = {N, B},
		   [STYLE_FRAME] = {6, 0},
		   [STYLE_KEY] = {6, B},
		   [STYLE_GOOD] = {2, 0},
		   [STYLE_BAD] = {1, B},
		   [STYLE_EXTERNAL] = {4, B},
		   [STYLE_HOST] = {2, 0},
		   [STYLE_HYPERVISOR] = {3, 0},
		   [STYLE_VM] = {5, 0},
		   [STYLE_SERVICE] = {6, 0},
		   [STYLE_UNATTRIBUTED] = {1, 0}}},
	{.name = "light",
	 .title = "for light terminals",
	 .colours = 8,
	 .style = {[STYLE_TEXT] = {N, 0},
		   [STYLE_DIM] = {N, D},
		   [STYLE_STRONG] = {N, B},
		   [STYLE_FRAME] = {4, 0},
		   [STYLE_KEY] = {4, B},
		   [STYLE_GOOD] = {2, B},
		   [STYLE_BAD] = {1, B},
		   [STYLE_EXTERNAL] = {4, 0},
		   [STYLE_HOST] = {2, B},
		   [STYLE_HYPERVISOR] = {1, 0},
		   [STYLE_VM] = {5, B},
		   [STYLE_SERVICE] = {0, B},
		   [STYLE_UNATTRIBUTED] = {N, D}}},
	/* hues that most colour-blind people tell apart (Okabe and Ito 2008), of 256 colours */
	{.name = "safe",
	 .title = "told apart by the colour-blind",
	 .colours = 256,
	 .style = {[STYLE_TEXT] = {N, 0},
		   [STYLE_DIM] = {N, D},
		   [STYLE_STRONG] = {N, B},
		   [STYLE_FRAME] = {117, 0},
		   [STYLE_KEY] = {117, B},
		   [STYLE_GOOD] = {36, 0},
		   [STYLE_BAD] = {202, B},
		   [STYLE_EXTERNAL] = {32, 0},
		   [STYLE_HOST] = {36, 0},
		   [STYLE_HYPERVISOR] = {214, 0},
		   [STYLE_VM] = {175, 0},
		   [STYLE_SERVICE] = {117, 0},
		   [STYLE_UNATTRIBUTED] = {202, 0}}},
};

const int scheme_count = sizeof(schemes) / sizeof(schemes[0]);

int scheme_by_name(const char *name)
{
	for (int i = 0; i < scheme_count; i++)
		if (!strcmp(schemes[i].name, name))
			return i;
	return -1;
}
