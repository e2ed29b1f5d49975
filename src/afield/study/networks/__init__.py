"""The networks that a result folder kept, ready to use: one alone, and several as one."""
