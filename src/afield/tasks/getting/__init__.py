"""How a task's data get to the machine."""
