// The measuring stick: a small Go service that accepts a message with one LPUSH. It promises less than Confab: it does
// not know which chats exist, gives no numbers, and remembers no request that is sent again.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-playground/validator/v10"
	"github.com/redis/go-redis/v9"
)

// The limits of Confab's own schema (packages/contracts).
const (
	maxBodyBytes    = 65_535
	maxRequestBytes = 512 << 10
)

type message struct {
	ApplicationToken string    `json:"application_token" validate:"required,uuid"`
	ChatNumber       int       `json:"chat_number" validate:"required,gte=1,lte=2147483647"`
	Body             string    `json:"body" validate:"required"`
	CreatedAt        time.Time `json:"created_at"`
}

func main() {
	options, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		log.Fatalf("REDIS_URL: %v", err)
	}
	service := &service{redis: redis.NewClient(options), validate: validator.New(), list: os.Getenv("LIST")}
	router := chi.NewRouter()
	router.Post("/messages", service.accept)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	// The benchmark reads the port, and holds the other end of the standard input: it closes however the benchmark ends.
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() { log.Fatal(http.Serve(listener, router)) }()
	io.Copy(io.Discard, os.Stdin)
}

type service struct {
	redis    *redis.Client
	validate *validator.Validate
	list     string
}

func (s *service) accept(w http.ResponseWriter, r *http.Request) {
	var m message
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequestBytes)).Decode(&m); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"title": "Malformed JSON"})
		return
	}
	if err := s.validate.Struct(m); err != nil || len(m.Body) > maxBodyBytes || strings.TrimSpace(m.Body) == "" {
		answer(w, http.StatusUnprocessableEntity, map[string]string{"title": "Validation failed"})
		return
	}
	m.CreatedAt = time.Now().UTC()
	job, err := json.Marshal(m)
	if err == nil {
		err = s.redis.LPush(r.Context(), s.list, job).Err()
	}
	if err != nil {
		answer(w, http.StatusServiceUnavailable, map[string]string{"title": "Queue unavailable"})
		return
	}
	answer(w, http.StatusCreated, m)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}
