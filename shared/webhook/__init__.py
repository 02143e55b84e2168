"""Push API events that come by HTTP: told apart from taps, put on the queue, or stored where there is no queue."""
