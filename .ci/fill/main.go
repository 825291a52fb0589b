// Fill writes generated orders into a bucket, for .ci/load.py: many small or tiny
// objects, or a large one.
//
//	fill ENDPOINT BUCKET small N     N objects of some 2 kB
//	fill ENDPOINT BUCKET tiny N      N objects of some 400 bytes, as webhooks bring them
//	fill ENDPOINT BUCKET large BYTES an NDJSON object of that size
//
// It prints the records and rows to expect as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/internal/awsconfig"
	"sluice/internal/gen"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
)

const uploads = 16

// counts are what a run must report.
type counts struct {
	Objects  int64 `json:"objects"`
	Records  int64 `json:"records"`
	Bad      int64 `json:"bad"`
	Products int64 `json:"rows"`
	Bytes    int64 `json:"bytes"`
}

func main() {
	total, err := fill(context.Background(), os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(total)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

func fill(ctx context.Context, args []string) (*counts, error) {
	if len(args) != 4 {
		return nil, fmt.Errorf("usage: fill ENDPOINT BUCKET small|tiny|large NUMBER")
	}
	n, err := strconv.ParseInt(args[3], 10, 64)
	if err != nil {
		return nil, err
	}
	found, err := awsconfig.Load(ctx)
	if err != nil {
		return nil, err
	}
	b, err := s3store.New(ctx, s3store.Config{AWS: found, Bucket: args[1], Endpoint: args[0], PathStyle: true})
	if err != nil {
		return nil, err
	}
	client := s3.New(s3.Options{BaseEndpoint: &args[0], UsePathStyle: true, Region: os.Getenv("AWS_REGION"), Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
	})})
	if _, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &args[1]}); err != nil {
		if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &args[1]}); err != nil {
			return nil, err
		}
	}
	total := &counts{}
	if args[2] == "large" {
		return total, put(ctx, b, "raw_orders_data/large.ndjson", gen.Options{Seed: 1, Bytes: n, Form: gen.NDJSON, Bad: 1e-5}, total)
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	errs := make(chan error, uploads)
	for range uploads {
		workers.Go(func() {
			for {
				i := next.Add(1)
				if i > n {
					return
				}
				key := fmt.Sprintf("raw_orders_data/%02d/%05d.json", i%100, i)
				o := gen.Options{Seed: uint64(i), Orders: 2, Form: gen.Array, Catalogue: true}
				if args[2] == "tiny" {
					o = tiny(i)
				}
				if err := put(ctx, b, key, o, total); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	workers.Wait()
	close(errs)
	return total, <-errs
}

// tiny is the i-th order of a line or two.
func tiny(i int64) gen.Options {
	o := gen.Options{Seed: uint64(i) << 20, Orders: 1, Form: gen.NDJSON, Shop: true}
	for {
		if c, err := gen.Write(io.Discard, o); err != nil || c.Bytes < 500 {
			return o
		}
		o.Seed++
	}
}

func put(ctx context.Context, b store.Store, key string, o gen.Options, total *counts) error {
	w, err := b.Create(ctx, key, store.CreateOptions{})
	if err != nil {
		return err
	}
	defer w.Abort(ctx) //nolint:errcheck // a no-op after Commit
	c, err := gen.Write(io.Writer(w), o)
	if err != nil {
		return err
	}
	if _, err := w.Commit(ctx, store.Unconditional()); err != nil {
		return err
	}
	atomic.AddInt64(&total.Objects, 1)
	atomic.AddInt64(&total.Records, c.Orders)
	atomic.AddInt64(&total.Bad, c.Bad)
	atomic.AddInt64(&total.Products, c.Products)
	atomic.AddInt64(&total.Bytes, c.Bytes)
	return nil
}
