module corsfast-peers

go 1.25.0

require (
	github.com/jub0bs/cors v1.0.5
	github.com/rs/cors v1.11.1
)

require (
	golang.org/x/net v0.57.0 // indirect
	golang.org/x/text v0.40.0 // indirect
)
