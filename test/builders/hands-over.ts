/**
 * Whether dispatchers hand over what fails in transactions where a test does not say: so that all that is tested of them on Kafka can be tested with
 * that option, too.
 */
export const HANDS_OVER = process.env['DORMOUSE_TEST_KAFKA_TRANSACTIONS'] === 'true'
