"""The doctor's checks, by what they look at: the walls, the server, the machine, what operators have to do in time."""
