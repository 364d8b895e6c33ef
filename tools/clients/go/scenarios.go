// What the clients of this folder share: see README.md for what a scenario does and what a program prints.
//
//	clients CLIENT BOOTSTRAP PREFIX SCENARIO...     a line of JSON for each scenario
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

const wait = 25 * time.Second

// Result is what a scenario came to.
type Result map[string]any

// Place says where to, and gives names that no other run has.
type Place struct{ bootstrap, prefix string }

func (p Place) topic(name string) string { return p.prefix + "-" + name }

func (p Place) brokers() []string { return strings.Split(p.bootstrap, ",") }

// Sent is a record to be sent, Read one that was read, as the consume scenario reports it.
type Sent struct{ key, value, origin string }

// Read is a record as the consume scenario reports it.
type Read struct {
	Partition int32  `json:"partition"`
	Key       string `json:"key"`
	Value     string `json:"value"`
	Origin    string `json:"origin"`
}

func main() {
	clients := map[string]map[string]func(Place) Result{"franz-go": franzScenarios, "sarama": saramaScenarios}
	place := Place{os.Args[2], os.Args[3]}
	for _, name := range os.Args[4:] {
		started := time.Now()
		result := attempt(clients[os.Args[1]][name], place)
		result["scenario"] = name
		result["ms"] = time.Since(started).Milliseconds()
		line, err := json.Marshal(result)
		must(err)
		fmt.Println(string(line))
	}
}

func attempt(scenario func(Place) Result, place Place) (result Result) {
	defer func() {
		if failure := recover(); failure != nil {
			result = Result{"error": fmt.Sprintf("%v\n%s", failure, debug.Stack())}
		}
	}()
	return scenario(place)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// records have keys k0 to k9 in turn, and values that begin with the name.
func records(name string, count int) []Sent {
	all := make([]Sent, count)
	for i := range all {
		all[i] = Sent{fmt.Sprintf("k%d", i%10), fmt.Sprintf("%s-%d", name, i), name}
	}
	return all
}

func until(condition func() bool, what func() string) {
	deadline := time.Now().Add(wait)
	for !condition() {
		if time.Now().After(deadline) {
			panic(fmt.Sprintf("waited %v for %s", wait, what()))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Member is one of a group.
type Member interface {
	assigned() []int32 // sorted
	values() []string
	leave()
}

// groupScenario is what a group scenario is, whatever the client.
func groupScenario(partitions int, join func() Member, send func(name string, count int)) Result {
	send("first", 100)
	one := join()
	until(func() bool { return len(one.assigned()) == partitions && len(one.values()) >= 100 },
		func() string {
			return fmt.Sprintf("the first member to read 100 records, it has %d of %v", len(one.values()), one.assigned())
		})
	alone := one.assigned()

	two := join()
	until(func() bool {
		return len(one.assigned()) > 0 && len(two.assigned()) > 0 && len(one.assigned())+len(two.assigned()) == partitions
	}, func() string { return fmt.Sprintf("two members to share: %v %v", one.assigned(), two.assigned()) })
	shared := [][]int32{one.assigned(), two.assigned()}
	send("second", 100)
	until(func() bool { return seconds(one, two) == 100 },
		func() string {
			return fmt.Sprintf("two members to read 100 more records, they have %d", seconds(one, two))
		})

	two.leave()
	until(func() bool { return len(one.assigned()) == partitions },
		func() string { return fmt.Sprintf("the first member to have all again: %v", one.assigned()) })
	after := one.assigned()
	one.leave()

	send("third", 10)
	three := join()
	until(func() bool { return len(three.values()) >= 10 },
		func() string {
			return fmt.Sprintf("the third member to read what came later, it has %v", three.values())
		})
	three.leave()
	return Result{"alone": alone, "shared": shared, "after": after, "values": slices.Concat(one.values(), two.values()), "resumed": three.values()}
}

func seconds(members ...Member) int {
	seen := map[string]bool{}
	for _, member := range members {
		for _, value := range member.values() {
			if strings.HasPrefix(value, "second") {
				seen[value] = true
			}
		}
	}
	return len(seen)
}
