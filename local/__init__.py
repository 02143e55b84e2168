"""The local stack: what a laptop runs in place of Azure. Nothing that is deployed imports from here."""
