"""`make demo`: a simulated fleet's messages through queue, function and tables on this machine, shown and checked."""
