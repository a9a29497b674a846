import { busContract } from '../../contracts/bus.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { sharedBroker } from '../../support/kafka-broker.ts';
import { kafkaInstallation } from '../../support/kafka-installation.ts';

busContract(
  'bus on Kafka',
  async () => {
    const installation = kafkaInstallation(await sharedBroker());
    return { open: () => installation.open(), cleanup: async () => installation.remove() };
  },
  requiresKafka(),
);
