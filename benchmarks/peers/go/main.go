// Command peers answers and times the cases of ../rows.py with jub0bs/cors and rs/cors.
//
//	peers CASES.json                             one command per line of standard input, as JSON
//	peers CASES.json --check                     every subject's answer to every case
//	peers CASES.json --run SUBJECT CASE N BLOCKS nanoseconds per request, [gross, floor] a block
//
// judge.py judges the answers. The time does not include a server's work: a request is a ready
// *http.Request, and a response is a writer that keeps headers.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	jub0bs "github.com/jub0bs/cors"
	rs "github.com/rs/cors"
)

// warmUp is the number of separate requests that bring a handler into the caches before the clock
// runs. It is at most the number of timed requests.
const warmUp = 20

type policy struct {
	Origins      []string `json:"origins"`
	SubdomainsOf []string `json:"subdomains_of"`
	Methods      []string `json:"methods"`
	Headers      []string `json:"headers"`
	Expose       []string `json:"expose"`
	Credentials  bool     `json:"credentials"`
	MaxAge       int      `json:"max_age"`
}

type benchCase struct {
	Name   string      `json:"name"`
	Policy policy      `json:"policy"`
	Method string      `json:"method"`
	Fields [][2]string `json:"fields"`
}

type answer struct {
	Subject string      `json:"subject"`
	Case    string      `json:"case"`
	Status  int         `json:"status"`
	Headers [][2]string `json:"headers"`
}

// patterns are the origins and, as both libraries spell them, the subdomains.
func (p policy) patterns() []string {
	all := append([]string{}, p.Origins...)
	for _, domain := range p.SubdomainsOf {
		all = append(all, "https://*."+domain)
	}
	return all
}

var subjects = map[string]func(policy, http.Handler) (http.Handler, error){
	"jub0bs/cors": func(p policy, inner http.Handler) (http.Handler, error) {
		middleware, err := jub0bs.NewMiddleware(jub0bs.Config{
			Origins:         p.patterns(),
			Credentialed:    p.Credentials,
			Methods:         p.Methods,
			RequestHeaders:  p.Headers,
			MaxAgeInSeconds: p.MaxAge,
			ResponseHeaders: p.Expose,
		})
		if err != nil {
			return nil, err
		}
		return middleware.Wrap(inner), nil
	},
	"rs/cors": func(p policy, inner http.Handler) (http.Handler, error) {
		return rs.New(rs.Options{
			AllowedOrigins:   p.patterns(),
			AllowCredentials: p.Credentials,
			AllowedMethods:   p.Methods,
			AllowedHeaders:   p.Headers,
			ExposedHeaders:   p.Expose,
			MaxAge:           p.MaxAge,
		}).Handler(inner), nil
	},
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

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) WriteHeader(status int)      { w.status = status }
func (w *writer) Write(b []byte) (int, error) { return len(b), nil }

// request returns what net/http would pass on: canonical names, and strings that are not shared.
func (c *benchCase) request() *http.Request {
	header := make(http.Header, len(c.Fields))
	for _, field := range c.Fields {
		name := textproto.CanonicalMIMEHeaderKey(field[0])
		header[name] = append(header[name], strings.Clone(field[1]))
	}
	r, err := http.NewRequest(c.Method, "http://api.example.com/", nil)
	if err != nil {
		panic(err)
	}
	r.Header = header
	return r
}

func (c *benchCase) requests(n int) []*http.Request {
	made := make([]*http.Request, n)
	for i := range made {
		made[i] = c.request()
	}
	return made
}

func serve(h http.Handler, w *writer, requests []*http.Request) {
	for _, r := range requests {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// block is one timed loop: nanoseconds per request. It runs the garbage collector before the loop.
func block(h http.Handler, c *benchCase, n int) float64 {
	w := &writer{header: make(http.Header)}
	warm, requests := c.requests(min(warmUp, n)), c.requests(n)
	runtime.GC()
	serve(h, w, warm)
	start := time.Now()
	serve(h, w, requests)
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

type bench struct {
	cases    []*benchCase
	handlers map[string]http.Handler
}

func (b *bench) find(name string) (*benchCase, error) {
	for _, c := range b.cases {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no case %q", name)
}

// handler returns a subject around the bare handler, built at first use.
func (b *bench) handler(subject string, c *benchCase) (http.Handler, error) {
	key := subject + "|" + c.Name
	if h, ok := b.handlers[key]; ok {
		return h, nil
	}
	wrap, ok := subjects[subject]
	if !ok {
		return nil, fmt.Errorf("no subject %q", subject)
	}
	h, err := wrap(c.Policy, bare)
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", subject, c.Name, err)
	}
	b.handlers[key] = h
	return h, nil
}

func (b *bench) check() ([]answer, error) {
	var answers []answer
	for subject := range subjects {
		for _, c := range b.cases {
			h, err := b.handler(subject, c)
			if err != nil {
				return nil, err
			}
			w := &writer{header: make(http.Header), status: http.StatusOK}
			h.ServeHTTP(w, c.request())
			headers := [][2]string{}
			for name, values := range w.header {
				for _, value := range values {
					headers = append(headers, [2]string{name, value})
				}
			}
			answers = append(answers, answer{subject, c.Name, w.status, headers})
		}
	}
	return answers, nil
}

func (b *bench) run(subject, name string, n, blocks int) ([][2]float64, error) {
	c, err := b.find(name)
	if err != nil {
		return nil, err
	}
	h, err := b.handler(subject, c)
	if err != nil {
		return nil, err
	}
	figures := make([][2]float64, blocks)
	for i := range figures {
		// The order of the two is random.
		if rand.IntN(2) == 0 {
			figures[i][0] = block(h, c, n)
			figures[i][1] = block(bare, c, n)
		} else {
			figures[i][1] = block(bare, c, n)
			figures[i][0] = block(h, c, n)
		}
	}
	return figures, nil
}

// obey executes ["check"] or ["run", SUBJECT, CASE, N, BLOCKS].
func (b *bench) obey(command []any) (any, error) {
	if len(command) == 1 && command[0] == "check" {
		return b.check()
	}
	if len(command) == 5 && command[0] == "run" {
		subject, isText := command[1].(string)
		name, isName := command[2].(string)
		n, isNumber := command[3].(float64)
		blocks, isCount := command[4].(float64)
		if isText && isName && isNumber && isCount {
			return b.run(subject, name, int(n), int(blocks))
		}
	}
	return nil, fmt.Errorf("no such command: %v", command)
}

func main() {
	if err := start(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func start(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("usage: peers CASES.json [--check | --run SUBJECT CASE N BLOCKS]")
	}
	text, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	b := &bench{handlers: map[string]http.Handler{}}
	if err := json.Unmarshal(text, &b.cases); err != nil {
		return err
	}
	debug.SetGCPercent(-1) // block() collects between the timed loops
	out := json.NewEncoder(os.Stdout)
	if len(arguments) > 1 {
		command := []any{strings.TrimPrefix(arguments[1], "--")}
		for _, argument := range arguments[2:] {
			if number, err := strconv.ParseFloat(argument, 64); err == nil {
				command = append(command, number)
			} else {
				command = append(command, argument)
			}
		}
		return reply(b, out, command)
	}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return nil
		}
		var command []any
		if err := json.Unmarshal(line, &command); err != nil {
			return err
		}
		if err := reply(b, out, command); err != nil {
			return err
		}
	}
}

func reply(b *bench, out *json.Encoder, command []any) error {
	result, err := b.obey(command)
	if err != nil {
		return err
	}
	return out.Encode(result)
}
