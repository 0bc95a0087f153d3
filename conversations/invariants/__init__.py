"""The laws of ownership and handoff as questions to the tables: an intact desk breaks none.

Most can't be broken where the constraints are in place. They are asked all the same, of everything
unresolved each minute and of the whole history each night, because a restored backup, a statement
by hand or a defect of ours may have gone around them.
"""
