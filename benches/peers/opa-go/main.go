// The program `opa-go REGO CALLS` decides by OPA's own evaluator, the policy prepared, JSON in and JSON out. It speaks the
// protocol of benches/protocol/lib.rs.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"
)

const warmShare = 8

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "opa-go:", err)
		os.Exit(1)
	}
}

func serve() error {
	if len(os.Args) != 3 {
		return fmt.Errorf("usage: opa-go REGO CALLS")
	}
	module, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		return err
	}
	ctx := context.Background()
	query, err := rego.New(
		rego.Query("data.sealgate.policy.decision"),
		rego.Module("policy.rego", string(module)),
	).PrepareForEval(ctx)
	if err != nil {
		return err
	}
	var calls [][]byte
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		calls = append(calls, []byte(line))
	}
	run := func(count uint64) time.Duration {
		began := time.Now()
		for i := uint64(0); i < count; i++ {
			decide(ctx, query, calls[0])
		}
		return time.Since(began)
	}

	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, "ready")
	out.Flush()
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() {
		line := asked.Text()
		if line == "outcomes" {
			words := make([]string, len(calls))
			for i, call := range calls {
				words[i] = "deny"
				if document, err := decide(ctx, query, call); err == nil && strings.HasPrefix(string(document), `{"allow":true,`) {
					words[i] = "allow"
				}
			}
			fmt.Fprintln(out, strings.Join(words, " "))
		} else if count, err := strconv.ParseUint(strings.TrimPrefix(line, "run "), 10, 64); err == nil {
			run(count / warmShare)
			fmt.Fprintln(out, run(count).Nanoseconds())
		} else {
			return fmt.Errorf("`%s` is not asked here", line)
		}
		out.Flush()
	}
	return asked.Err()
}

// decide gives the decision document as JSON.
func decide(ctx context.Context, query rego.PreparedEvalQuery, call []byte) ([]byte, error) {
	var input any
	if err := json.Unmarshal(call, &input); err != nil {
		return nil, err
	}
	results, err := query.Eval(ctx, rego.EvalInput(input))
	if err != nil {
		return nil, err
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return nil, fmt.Errorf("undefined")
	}
	return json.Marshal(results[0].Expressions[0].Value)
}
