"""The city around us: every outside system as a real HTTP server, in one process.

It stands apart from the product: it borrows the arithmetic of core.money and core.ids and nothing
else, and the product reaches it over sockets only.
"""
