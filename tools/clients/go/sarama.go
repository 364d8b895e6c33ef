// sarama: the scenarios of README.md. Its groups are eager.
package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

var saramaScenarios = map[string]func(Place) Result{
	"admin":        saramaAdmin,
	"produce":      saramaProduce,
	"consume":      saramaConsume,
	"group":        saramaGroup,
	"groups":       saramaGroups,
	"idempotent":   saramaIdempotent,
	"transactions": saramaTransactions,
}

func saramaConfig(id string) *sarama.Config {
	config := sarama.NewConfig()
	config.ClientID = "sarama-" + id
	config.Version = sarama.MaxVersion
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.MaxWaitTime = 200 * time.Millisecond
	return config
}

func saramaAdminClient(place Place) sarama.ClusterAdmin {
	admin, err := sarama.NewClusterAdmin(place.brokers(), saramaConfig("admin"))
	must(err)
	return admin
}

func saramaCreateTopic(place Place, topic string, partitions int32) {
	admin := saramaAdminClient(place)
	defer admin.Close()
	must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false))
}

func saramaAdmin(place Place) Result {
	admin, topic := saramaAdminClient(place), place.topic("admin")
	defer admin.Close()
	hour, twoHours := "3600000", "7200000"
	detail := &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &hour}}
	must(admin.CreateTopic(topic, detail, false))

	listed := func() bool {
		topics, err := admin.ListTopics()
		must(err)
		_, there := topics[topic]
		return there
	}
	partitions := func() int {
		described, err := admin.DescribeTopics([]string{topic})
		must(err)
		return len(described[0].Partitions)
	}
	retention := func() string {
		entries, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}})
		must(err)
		return entries[0].Value
	}
	result := Result{"listed": listed(), "partitions": partitions(), "retention": retention()}
	must(admin.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &twoHours},
	}, false))
	result["altered"] = retention()
	must(admin.CreatePartitions(topic, 4, nil, false))
	result["grown"] = partitions()

	config := saramaConfig("deleted")
	config.Producer.Partitioner = sarama.NewManualPartitioner
	saramaSend(place, config, topic, "deleted", 10)
	must(admin.DeleteRecords(topic, map[int32]int64{0: 4}))
	client, err := sarama.NewClient(place.brokers(), saramaConfig("offsets"))
	must(err)
	defer client.Close()
	start, err := client.GetOffset(topic, 0, sarama.OffsetOldest)
	must(err)
	end, err := client.GetOffset(topic, 0, sarama.OffsetNewest)
	must(err)
	result["range"] = []int64{start, end}

	result["refused"] = "made twice"
	if err := admin.CreateTopic(topic, detail, false); errors.Is(err, sarama.ErrTopicAlreadyExists) {
		result["refused"] = "TOPIC_ALREADY_EXISTS"
	}
	must(admin.DeleteTopic(topic))
	result["gone"] = !listed()
	return result
}

func saramaMessages(topic string, sent []Sent) []*sarama.ProducerMessage {
	var messages []*sarama.ProducerMessage
	for _, record := range sent {
		messages = append(messages, &sarama.ProducerMessage{
			Topic: topic, Key: sarama.StringEncoder(record.key), Value: sarama.StringEncoder(record.value),
			Headers: []sarama.RecordHeader{{Key: []byte("origin"), Value: []byte(record.origin)}},
		})
	}
	return messages
}

func saramaSend(place Place, config *sarama.Config, topic, name string, count int) {
	producer, err := sarama.NewSyncProducer(place.brokers(), config)
	must(err)
	must(producer.SendMessages(saramaMessages(topic, records(name, count))))
	must(producer.Close())
}

func saramaProduce(place Place) Result {
	topic := place.topic("records")
	saramaCreateTopic(place, topic, 3)
	var sent []string
	send := func(name string, codec sarama.CompressionCodec, acks sarama.RequiredAcks) {
		config := saramaConfig("producer")
		config.Producer.Compression = codec
		config.Producer.RequiredAcks = acks
		saramaSend(place, config, topic, name, 100)
		sent = append(sent, name)
	}
	codecs := map[string]sarama.CompressionCodec{"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}
	for name, codec := range codecs {
		send(name+"-acks1", codec, sarama.WaitForLocal)
		send(name+"-all", codec, sarama.WaitForAll)
	}
	send("none-acks0", sarama.CompressionNone, sarama.NoResponse)
	return Result{"sent": sent}
}

// saramaReadAll reads partitions from the beginning, without a group, until it has enough.
func saramaReadAll(place Place, topic string, partitions int32, isolation sarama.IsolationLevel, enough func([]*sarama.ConsumerMessage) bool) []*sarama.ConsumerMessage {
	config := saramaConfig("reader")
	config.Consumer.IsolationLevel = isolation
	consumer, err := sarama.NewConsumer(place.brokers(), config)
	must(err)
	defer consumer.Close()
	messages := make(chan *sarama.ConsumerMessage)
	for partition := range partitions {
		stream, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
		must(err)
		defer stream.AsyncClose()
		go func() {
			for message := range stream.Messages() {
				messages <- message
			}
		}()
	}
	var got []*sarama.ConsumerMessage
	late := time.After(wait)
	for !enough(got) {
		select {
		case message := <-messages:
			got = append(got, message)
		case <-late:
			panic("waited too long for records of " + topic)
		}
	}
	return got
}

func saramaConsume(place Place) Result {
	var all []Read
	enough := func(got []*sarama.ConsumerMessage) bool { return len(got) >= 1100 }
	for _, message := range saramaReadAll(place, place.topic("records"), 3, sarama.ReadUncommitted, enough) {
		all = append(all, Read{message.Partition, string(message.Key), string(message.Value), string(message.Headers[0].Value)})
	}
	return Result{"records": all}
}

// saramaMember is a consumer group's handler that joins again after each rebalance.
type saramaMember struct {
	mutex   sync.Mutex
	owned   []int32
	got     []string
	topic   string
	stop    context.CancelFunc
	stopped chan struct{}
}

func (m *saramaMember) assigned() []int32 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.Sorted(slices.Values(m.owned))
}

func (m *saramaMember) values() []string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.Clone(m.got)
}

func (m *saramaMember) leave() {
	m.stop()
	<-m.stopped
}

func (m *saramaMember) own(partitions []int32) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.owned = partitions
}

func (m *saramaMember) Setup(session sarama.ConsumerGroupSession) error {
	m.own(session.Claims()[m.topic])
	return nil
}

func (m *saramaMember) Cleanup(sarama.ConsumerGroupSession) error {
	m.own(nil)
	return nil
}

func (m *saramaMember) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			m.mutex.Lock()
			m.got = append(m.got, string(message.Value))
			m.mutex.Unlock()
			session.MarkMessage(message, "")
		case <-session.Context().Done():
			return nil
		}
	}
}

func (m *saramaMember) run(ctx context.Context, group sarama.ConsumerGroup) {
	for ctx.Err() == nil {
		must(group.Consume(ctx, []string{m.topic}, m))
	}
	must(group.Close())
	close(m.stopped)
}

func saramaGroup(place Place) Result {
	topic := place.topic("group")
	saramaCreateTopic(place, topic, 4)
	join := func() Member {
		config := saramaConfig("member")
		config.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
		config.Consumer.Group.Session.Timeout = 10 * time.Second
		group, err := sarama.NewConsumerGroup(place.brokers(), topic, config)
		must(err)
		ctx, stop := context.WithCancel(context.Background())
		member := &saramaMember{topic: topic, stop: stop, stopped: make(chan struct{})}
		go member.run(ctx, group)
		return member
	}
	return groupScenario(4, join, func(origin string, count int) { saramaSend(place, saramaConfig("sender"), topic, origin, count) })
}

func saramaGroups(place Place) Result {
	admin, group := saramaAdminClient(place), place.topic("group")
	defer admin.Close()
	listed := func() bool {
		groups, err := admin.ListConsumerGroups()
		must(err)
		_, there := groups[group]
		return there
	}
	result := Result{"listed": listed()}
	described, err := admin.DescribeConsumerGroups([]string{group})
	must(err)
	result["state"] = strings.ToLower(described[0].State)
	positions, err := admin.ListConsumerGroupOffsets(group, nil)
	must(err)
	handled := int64(0)
	for _, partitions := range positions.Blocks {
		for _, block := range partitions {
			handled += block.Offset
		}
	}
	must(admin.DeleteConsumerGroup(group))
	result["handled"] = handled
	result["gone"] = !listed()
	return result
}

func saramaIdempotentConfig(id string) *sarama.Config {
	config := saramaConfig(id)
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Net.MaxOpenRequests = 1
	return config
}

func saramaValues(got []*sarama.ConsumerMessage) []string {
	var values []string
	for _, message := range got {
		values = append(values, string(message.Value))
	}
	return values
}

func saramaIdempotent(place Place) Result {
	topic := place.topic("idempotent")
	saramaCreateTopic(place, topic, 1)
	config := saramaIdempotentConfig("idempotent")
	config.Producer.Flush.MaxMessages = 10
	for _, name := range []string{"batch0", "batch1", "batch2"} {
		saramaSend(place, config, topic, name, 100)
	}
	enough := func(got []*sarama.ConsumerMessage) bool { return len(got) >= 300 }
	return Result{"values": saramaValues(saramaReadAll(place, topic, 1, sarama.ReadUncommitted, enough))}
}

func saramaTransactions(place Place) Result {
	source, target, group := place.topic("in"), place.topic("out"), place.topic("handled")
	saramaCreateTopic(place, source, 1)
	saramaCreateTopic(place, target, 1)
	producer := func() sarama.SyncProducer {
		config := saramaIdempotentConfig("transactions")
		config.Producer.Transaction.ID = place.topic("transactions")
		config.Producer.Transaction.Retry.Backoff = 50 * time.Millisecond
		config.Producer.Retry.Max = 2
		client, err := sarama.NewSyncProducer(place.brokers(), config)
		must(err)
		return client
	}
	transaction := func(client sarama.SyncProducer, commit bool, position int64, values ...string) error {
		if err := client.BeginTxn(); err != nil {
			return err
		}
		for _, value := range values {
			if _, _, err := client.SendMessage(&sarama.ProducerMessage{Topic: target, Value: sarama.StringEncoder(value)}); err != nil {
				return err
			}
		}
		if position > 0 {
			offsets := map[string][]*sarama.PartitionOffsetMetadata{source: {{Partition: 0, Offset: position}}}
			if err := client.AddOffsetsToTxn(offsets, group); err != nil {
				return err
			}
		}
		if commit {
			return client.CommitTxn()
		}
		return client.AbortTxn()
	}

	first := producer()
	must(transaction(first, true, 0, "a1", "a2"))
	must(transaction(first, false, 0, "b1"))
	must(transaction(first, true, 5, "c1"))
	must(transaction(first, false, 7, "d1"))
	second := producer()
	must(transaction(second, true, 0, "end"))
	fenced := transaction(first, true, 0, "late") != nil

	untilEnd := func(got []*sarama.ConsumerMessage) bool { return slices.Contains(saramaValues(got), "end") }
	admin := saramaAdminClient(place)
	defer admin.Close()
	positions, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{source: {0}})
	must(err)
	return Result{
		"committed":   saramaValues(saramaReadAll(place, target, 1, sarama.ReadCommitted, untilEnd)),
		"uncommitted": saramaValues(saramaReadAll(place, target, 1, sarama.ReadUncommitted, untilEnd)),
		"position":    positions.GetBlock(source, 0).Offset,
		"fenced":      fenced,
	}
}
