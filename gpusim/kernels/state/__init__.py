"""The fleet's state: record arrays whose fields, units and meanings stand here and nowhere else.

Kernels read and write these arrays by field name; pandas shows the same memory afterwards. Times are seconds
since the scenario's start, -1 in an index field means "none". Indices are 64-bit wherever they are passed on: of
every kernel there is then one compiled version, not one per mixture of widths.
"""
