"""How fast this machine is: the three tasks on a short song, each in a process of its own."""
