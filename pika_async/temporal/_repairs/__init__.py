"""Lines that are settled by the word of their owner.

The way of a decision:

    decisions   what may be decided about a line
    resolving   looks at all decisions before the first one is carried out, and carries out each
    bulk        what many decisions cost, and carrying them out side by side
    spending    the money of what is submitted again: reserved first, then settled
    repairing   the repairs of one line at the engine: what stands of them, and the next try
    repair      the workflow of a try
    attended    waiting for it, as long as workers are there
    activities  what workers do for it: its outcome is written down, and counted
    changes     what all lines have come to since their pages ended

What is asked on that way:

    owners      whose a job is: one job is never counted for two lines
    paid        the jobs that the history of a page names
    ended       what a repair has done that was ended by hand, by its history
    histories   how an activity ended, in any history
    stranded    what is known of a page that was ended by hand
    accounts    under whose limit the job of a repair is in flight
"""
