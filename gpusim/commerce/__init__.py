"""Contracts and money: accounts and statements of what capacity was there, and when."""
