"""The law: pure values in, frozen values with their reason out; `now` is always an argument."""
