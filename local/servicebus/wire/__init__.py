"""The Service Bus dialect of AMQP 1.0 on top of python-qpid-proton's protocol engine and asyncio's sockets."""
