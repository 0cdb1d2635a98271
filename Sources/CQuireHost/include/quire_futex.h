// Two futex calls. Swift cannot call the variadic syscall(2); everything else of the host is plain Glibc.
#ifndef QUIRE_FUTEX_H
#define QUIRE_FUTEX_H

#include <stdint.h>

void quire_futex_wait(uint32_t *word, uint32_t expected);
void quire_futex_wake(uint32_t *word, int count);

#endif
