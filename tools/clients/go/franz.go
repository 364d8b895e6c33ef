// franz-go: the scenarios of README.md. Its groups: eager, cooperative, KIP-848's. Positions enter a transaction by a
// session that has polled.
package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var franzScenarios = map[string]func(Place) Result{
	"admin":             franzAdmin,
	"produce":           franzProduce,
	"consume":           franzConsume,
	"group":             franzGroup("group", kgo.Balancers(kgo.RangeBalancer())),
	"groups":            franzGroups,
	"group-cooperative": franzGroup("group-cooperative", kgo.Balancers(kgo.CooperativeStickyBalancer())),
	"group-consumer":    franzGroup("group-consumer", kgo.WithContext(context.WithValue(context.Background(), "opt_in_kafka_next_gen_balancer_beta", true))),
	"idempotent":        franzIdempotent,
	"transactions":      franzTransactions,
}

func franzClient(place Place, id string, options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(place.brokers()...), kgo.ClientID("franz-" + id), kgo.FetchMaxWait(200 * time.Millisecond), kgo.MetadataMinAge(10 * time.Millisecond)}, options...)...)
	must(err)
	return client
}

func limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), wait)
}

func franzCreateTopic(place Place, topic string, partitions int32) {
	ctx, cancel := limited()
	defer cancel()
	client := franzClient(place, "topics")
	defer client.Close()
	_, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, topic)
	must(err)
}

func franzAdmin(place Place) Result {
	ctx, cancel := limited()
	defer cancel()
	client := franzClient(place, "admin")
	defer client.Close()
	admin, topic := kadm.NewClient(client), place.topic("admin")
	hour, twoHours := "3600000", "7200000"
	_, err := admin.CreateTopic(ctx, 2, 1, map[string]*string{"retention.ms": &hour}, topic)
	must(err)

	details := func() kadm.TopicDetails {
		listed, err := admin.ListTopics(ctx)
		must(err)
		return listed
	}
	retention := func() string {
		configs, err := admin.DescribeTopicConfigs(ctx, topic)
		must(err)
		for _, config := range configs[0].Configs {
			if config.Key == "retention.ms" {
				return *config.Value
			}
		}
		return "not told"
	}
	result := Result{"listed": details().Has(topic), "partitions": len(details()[topic].Partitions), "retention": retention()}
	_, err = admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &twoHours}}, topic)
	must(err)
	result["altered"] = soon(retention, twoHours)
	_, err = admin.UpdatePartitions(ctx, 4, topic)
	must(err)
	result["grown"] = soon(func() int { return len(details()[topic].Partitions) }, 4)

	franzSend(place, topic, "deleted", 10, kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
		return func(*kgo.Record, int) int { return 0 }
	})))
	before := kadm.Offsets{}
	before.AddOffset(topic, 0, 4, -1)
	_, err = admin.DeleteRecords(ctx, before)
	must(err)
	starts, err := admin.ListStartOffsets(ctx, topic)
	must(err)
	ends, err := admin.ListEndOffsets(ctx, topic)
	must(err)
	result["range"] = []int64{starts[topic][0].Offset, ends[topic][0].Offset}

	_, err = admin.CreateTopic(ctx, 1, 1, nil, topic)
	result["refused"] = "made twice"
	var refusal *kerr.Error
	if errors.As(err, &refusal) {
		result["refused"] = refusal.Message
	}
	_, err = admin.DeleteTopic(ctx, topic)
	must(err)
	result["gone"] = soon(func() bool { return !details().Has(topic) }, true)
	return result
}

// soon asks again for a while: a broker of Kafka's answers before it shows what it has done.
func soon[T comparable](ask func() T, expected T) T {
	var answer T
	for range 50 {
		if answer = ask(); answer == expected {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return answer
}

func franzSend(place Place, topic, name string, count int, options ...kgo.Opt) {
	ctx, cancel := limited()
	defer cancel()
	client := franzClient(place, "producer", options...)
	defer client.Close()
	must(client.ProduceSync(ctx, franzRecords(topic, records(name, count))...).FirstErr())
}

func franzRecords(topic string, sent []Sent) []*kgo.Record {
	var all []*kgo.Record
	for _, record := range sent {
		header := kgo.RecordHeader{Key: "origin", Value: []byte(record.origin)}
		all = append(all, &kgo.Record{Topic: topic, Key: []byte(record.key), Value: []byte(record.value), Headers: []kgo.RecordHeader{header}})
	}
	return all
}

func franzProduce(place Place) Result {
	topic := place.topic("records")
	franzCreateTopic(place, topic, 3)
	var sent []string
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	for name, codec := range codecs {
		franzSend(place, topic, name+"-acks1", 100, kgo.ProducerBatchCompression(codec), kgo.DisableIdempotentWrite(), kgo.RequiredAcks(kgo.LeaderAck()))
		franzSend(place, topic, name+"-all", 100, kgo.ProducerBatchCompression(codec), kgo.DisableIdempotentWrite(), kgo.RequiredAcks(kgo.AllISRAcks()))
		sent = append(sent, name+"-acks1", name+"-all")
	}
	franzSend(place, topic, "none-acks0", 100, kgo.DisableIdempotentWrite(), kgo.RequiredAcks(kgo.NoAck()))
	return Result{"sent": append(sent, "none-acks0")}
}

// franzReadAll reads the topic from the beginning, without a group, until it has enough.
func franzReadAll(place Place, topic string, enough func([]*kgo.Record) bool, options ...kgo.Opt) []*kgo.Record {
	ctx, cancel := limited()
	defer cancel()
	client := franzClient(place, "reader", append(options, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	defer client.Close()
	var got []*kgo.Record
	for !enough(got) {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			panic(fmt.Sprintf("waited %v for records of %s: %d are there", wait, topic, len(got)))
		}
		must(fetches.Err())
		got = append(got, fetches.Records()...)
	}
	return got
}

func franzConsume(place Place) Result {
	var all []Read
	for _, record := range franzReadAll(place, place.topic("records"), func(got []*kgo.Record) bool { return len(got) >= 1100 }) {
		all = append(all, Read{record.Partition, string(record.Key), string(record.Value), string(record.Headers[0].Value)})
	}
	return Result{"records": all}
}

// franzMember polls in a goroutine of its own.
type franzMember struct {
	mutex   sync.Mutex
	owned   map[int32]bool
	got     []string
	stop    context.CancelFunc
	stopped chan struct{}
}

func (m *franzMember) assigned() []int32 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	owned := []int32{}
	for partition := range m.owned {
		owned = append(owned, partition)
	}
	slices.Sort(owned)
	return owned
}

func (m *franzMember) values() []string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.Clone(m.got)
}

func (m *franzMember) leave() {
	m.stop()
	<-m.stopped
}

// own notes what was assigned, or taken away.
func (m *franzMember) own(owns bool, topic string) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
		m.mutex.Lock()
		defer m.mutex.Unlock()
		for _, partition := range changed[topic] {
			if owns {
				m.owned[partition] = true
			} else {
				delete(m.owned, partition)
			}
		}
	}
}

// release commits what was read before others get it: the client leaves that to a callback that is set.
func (m *franzMember) release(topic string) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(ctx context.Context, client *kgo.Client, revoked map[string][]int32) {
		if err := client.CommitUncommittedOffsets(ctx); err != nil {
			fmt.Println("the commit of what is given up:", err)
		}
		m.own(false, topic)(ctx, client, revoked)
	}
}

func (m *franzMember) run(ctx context.Context, client *kgo.Client) {
	for ctx.Err() == nil {
		fetched := client.PollFetches(ctx).Records()
		m.mutex.Lock()
		for _, record := range fetched {
			m.got = append(m.got, string(record.Value))
		}
		m.mutex.Unlock()
	}
	last, cancel := limited()
	defer cancel()
	if err := client.CommitUncommittedOffsets(last); err != nil {
		fmt.Println("the last commit:", err)
	}
	client.CloseAllowingRebalance()
	close(m.stopped)
}

func franzGroup(name string, protocol kgo.Opt) func(Place) Result {
	return func(place Place) Result {
		topic := place.topic(name)
		franzCreateTopic(place, topic, 4)
		join := func() Member {
			ctx, stop := context.WithCancel(context.Background())
			member := &franzMember{owned: map[int32]bool{}, stop: stop, stopped: make(chan struct{})}
			client := franzClient(place, "member", protocol, kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
				kgo.HeartbeatInterval(200*time.Millisecond), kgo.SessionTimeout(10*time.Second),
				kgo.OnPartitionsAssigned(member.own(true, topic)), kgo.OnPartitionsRevoked(member.release(topic)), kgo.OnPartitionsLost(member.own(false, topic)))
			go member.run(ctx, client)
			return member
		}
		return groupScenario(4, join, func(origin string, count int) { franzSend(place, topic, origin, count) })
	}
}

func franzGroups(place Place) Result {
	ctx, cancel := limited()
	defer cancel()
	client := franzClient(place, "groups")
	defer client.Close()
	admin, group := kadm.NewClient(client), place.topic("group")
	listed := func() bool {
		groups, err := admin.ListGroups(ctx)
		must(err)
		_, there := groups[group]
		return there
	}
	result := Result{"listed": listed()}
	described, err := admin.DescribeGroups(ctx, group)
	must(err)
	result["state"] = strings.ToLower(described[group].State)
	positions, err := admin.FetchOffsets(ctx, group)
	must(err)
	handled := int64(0)
	positions.Each(func(position kadm.OffsetResponse) { handled += position.At })
	_, err = admin.DeleteGroup(ctx, group)
	must(err)
	result["handled"] = handled
	result["gone"] = !listed()
	return result
}

func franzValues(got []*kgo.Record) []string {
	var values []string
	for _, record := range got {
		values = append(values, string(record.Value))
	}
	return values
}

func franzIdempotent(place Place) Result {
	topic := place.topic("idempotent")
	franzCreateTopic(place, topic, 1)
	ctx, cancel := limited()
	defer cancel()
	client := franzClient(place, "idempotent", kgo.ProducerBatchMaxBytes(1024), kgo.ProducerLinger(0))
	defer client.Close()
	for i := range 3 {
		must(client.ProduceSync(ctx, franzRecords(topic, records(fmt.Sprintf("batch%d", i), 100))...).FirstErr())
	}
	return Result{"values": franzValues(franzReadAll(place, topic, func(got []*kgo.Record) bool { return len(got) >= 300 }))}
}

func franzTransactions(place Place) Result {
	source, target, group := place.topic("in"), place.topic("out"), place.topic("handled")
	franzCreateTopic(place, source, 1)
	franzCreateTopic(place, target, 1)
	ctx, cancel := limited()
	defer cancel()
	id := kgo.TransactionalID(place.topic("transactions"))
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(place.brokers()...), id, kgo.FetchMaxWait(200*time.Millisecond),
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(source), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	must(err)
	defer session.Close()

	// The positions of what was polled since the last transaction go into the next one.
	transaction := func(end kgo.TransactionEndTry, values ...string) error {
		must(session.Begin())
		for _, value := range values {
			if err := session.ProduceSync(ctx, &kgo.Record{Topic: target, Value: []byte(value)}).FirstErr(); err != nil {
				return err
			}
		}
		_, err := session.End(ctx, end)
		return err
	}
	poll := func(count int) {
		franzSend(place, source, "input", count)
		for got := 0; got < count; {
			fetches := session.PollFetches(ctx)
			must(fetches.Err())
			got += fetches.NumRecords()
		}
	}
	must(transaction(kgo.TryCommit, "a1", "a2"))
	must(transaction(kgo.TryAbort, "b1"))
	poll(5)
	must(transaction(kgo.TryCommit, "c1"))
	poll(2)
	must(transaction(kgo.TryAbort, "d1"))

	second := franzClient(place, "second", id)
	defer second.Close()
	must(second.BeginTransaction())
	must(second.ProduceSync(ctx, &kgo.Record{Topic: target, Value: []byte("end")}).FirstErr())
	must(second.EndTransaction(ctx, kgo.TryCommit))
	fenced := transaction(kgo.TryCommit, "late") != nil

	untilEnd := func(got []*kgo.Record) bool { return slices.Contains(franzValues(got), "end") }
	committed := franzValues(franzReadAll(place, target, untilEnd, kgo.FetchIsolationLevel(kgo.ReadCommitted())))
	uncommitted := franzValues(franzReadAll(place, target, untilEnd, kgo.FetchIsolationLevel(kgo.ReadUncommitted())))
	positions, err := kadm.NewClient(second).FetchOffsets(ctx, group)
	must(err)
	return Result{"committed": committed, "uncommitted": uncommitted, "position": positions[source][0].At, "fenced": fenced}
}
