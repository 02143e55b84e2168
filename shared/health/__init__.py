"""How the app is: one word for anybody, and what an operator wants to know for those who show a token."""
