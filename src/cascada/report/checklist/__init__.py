"""`cascada checklist`: the items of REFORMS, answered from an experiment's files."""
