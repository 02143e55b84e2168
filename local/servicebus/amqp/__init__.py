"""The part of the AMQP 1.0 encoding that a broker needs: splitting messages without touching their payload."""
