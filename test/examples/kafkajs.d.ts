// kafkajs is no dependency of this package; the example that tests a service of its takes it as it is.
declare module 'kafkajs'
