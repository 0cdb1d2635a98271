// What a thread has to do with processors: where it may run, and how often it was made to stop. Swift's Glibc lacks what is behind _GNU_SOURCE.
#ifndef QUIRE_PROCESSORS_H
#define QUIRE_PROCESSORS_H

/// Writes the numbers of the processors that this thread may run on, at most so many, and returns how many.
int quire_processors(int *numbers, int most);

/// From now on this thread runs on the one processor; not 0 where that is refused.
int quire_run_on(int processor);

/// How often this thread was made to leave a processor that it wanted to keep.
long quire_preemptions(void);

#endif
