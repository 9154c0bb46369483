"""`cascada serve`. Begin with `server.py`: it lists what each file is for."""
