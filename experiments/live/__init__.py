"""Our endpoints over a real TCP connection, in the time of the wall clock."""
