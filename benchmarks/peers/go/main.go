// Command peers answers and times requests with jub0bs/cors and rs/cors: peers REQUESTS.json
//
// programs.py describes the protocol. The time does not include a server's work: a request is a
// ready *http.Request, and a response is a writer that keeps headers.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	jub0bs "github.com/jub0bs/cors"
	rs "github.com/rs/cors"
)

// warmUp is the number of separate requests that bring a handler into the caches before the clock
// runs. It is at most the number of timed requests.
const warmUp = 20

type policy struct {
	Origins      []string
	SubdomainsOf []string `json:"subdomains_of"`
	Methods      []string
	Headers      []string
	Expose       []string
	Credentials  bool
	MaxAge       int `json:"max_age"`
}

type request struct {
	Name   string
	Policy policy
	Method string
	Fields [][2]string
}

type command struct {
	Subject string
	Request string
	Calls   int
	Blocks  int
}

type reply struct {
	Status  int          `json:"status"`
	Headers [][2]string  `json:"headers"`
	Times   [][2]float64 `json:"times"`
}

// patterns are the origins and, as both libraries spell them, the subdomains.
func (p policy) patterns() []string {
	all := append([]string{}, p.Origins...)
	for _, domain := range p.SubdomainsOf {
		all = append(all, "https://*."+domain)
	}
	return all
}

// handler returns a subject around the bare application.
func (p policy) handler(subject string) http.Handler {
	if subject == "rs/cors" {
		return rs.New(rs.Options{
			AllowedOrigins:   p.patterns(),
			AllowCredentials: p.Credentials,
			AllowedMethods:   p.Methods,
			AllowedHeaders:   p.Headers,
			ExposedHeaders:   p.Expose,
			MaxAge:           p.MaxAge,
		}).Handler(bare)
	}
	middleware, err := jub0bs.NewMiddleware(jub0bs.Config{
		Origins:         p.patterns(),
		Credentialed:    p.Credentials,
		Methods:         p.Methods,
		RequestHeaders:  p.Headers,
		MaxAgeInSeconds: p.MaxAge,
		ResponseHeaders: p.Expose,
	})
	if err != nil {
		log.Fatal(err)
	}
	return middleware.Wrap(bare)
}

var (
	plainText = []string{"text/plain"}
	noLength  = []string{"0"}
)

// bare is the application, which also measures the floor.
var bare = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	header := w.Header()
	header["Content-Type"] = plainText
	header["Content-Length"] = noLength
	w.WriteHeader(http.StatusOK)
})

// writer is a response that goes nowhere. Its map is cleared and reused.
type writer struct {
	header http.Header
	status int
}

func newWriter() *writer {
	return &writer{header: make(http.Header), status: http.StatusOK}
}

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) WriteHeader(status int)      { w.status = status }
func (w *writer) Write(b []byte) (int, error) { return len(b), nil }

// made returns what net/http would pass on: canonical names, and strings that are not shared.
func (r *request) made(n int) []*http.Request {
	requests := make([]*http.Request, n)
	for i := range requests {
		header := make(http.Header, len(r.Fields))
		for _, field := range r.Fields {
			name := textproto.CanonicalMIMEHeaderKey(field[0])
			header[name] = append(header[name], strings.Clone(field[1]))
		}
		made, err := http.NewRequest(r.Method, "http://api.example.com/", nil)
		if err != nil {
			log.Fatal(err)
		}
		made.Header = header
		requests[i] = made
	}
	return requests
}

func serve(h http.Handler, w *writer, requests []*http.Request) {
	for _, r := range requests {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// block is one timed loop: nanoseconds per request. It runs the garbage collector before the loop.
func block(h http.Handler, r *request, n int) float64 {
	w := newWriter()
	warm, requests := r.made(min(warmUp, n)), r.made(n)
	runtime.GC()
	serve(h, w, warm)
	start := time.Now()
	serve(h, w, requests)
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

func answer(h http.Handler, r *request, c command) reply {
	w := newWriter()
	serve(h, w, r.made(1))
	found := reply{Status: w.status, Headers: [][2]string{}}
	for name, values := range w.header {
		for _, value := range values {
			found.Headers = append(found.Headers, [2]string{name, value})
		}
	}
	handlers := [2]http.Handler{h, bare}
	for range c.Blocks {
		var times [2]float64
		first := rand.IntN(2)
		times[first] = block(handlers[first], r, c.Calls)
		times[1-first] = block(handlers[1-first], r, c.Calls)
		found.Times = append(found.Times, times)
	}
	return found
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var list []*request
	if err := json.Unmarshal(text, &list); err != nil {
		log.Fatal(err)
	}
	requests := map[string]*request{}
	for _, r := range list {
		requests[r.Name] = r
	}
	debug.SetGCPercent(-1) // block() collects between the timed loops
	handlers := map[[2]string]http.Handler{}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var c command
		if err := in.Decode(&c); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		key, r := [2]string{c.Subject, c.Request}, requests[c.Request]
		if handlers[key] == nil {
			handlers[key] = r.Policy.handler(c.Subject)
		}
		if err := out.Encode(answer(handlers[key], r, c)); err != nil {
			log.Fatal(err)
		}
	}
}
