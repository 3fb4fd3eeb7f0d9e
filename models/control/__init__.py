"""What happens in a charge loop: what is known, what is measured, what is allowed."""
