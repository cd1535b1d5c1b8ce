"""The objective that training minimises."""
