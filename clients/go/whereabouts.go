package mulligan

import (
	"container/list"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Of so many ids it is known at which site they are.
const remembered = 10_000

// In the place of a site's id: what belongs to the installation, such as a project.
const everywhere = "*"

// whereabouts remembers which site had an object when it was last seen; of the latest ones.
type whereabouts struct {
	mutex sync.Mutex
	// Of seen, the latest first.
	order *list.List
	known map[string]*list.Element
}

// seen is an id, and the site where it is.
type seen struct{ id, site string }

func newWhereabouts() *whereabouts {
	return &whereabouts{order: list.New(), known: map[string]*list.Element{}}
}

// of gives a site's id, or everywhere; empty: it is not known.
func (w *whereabouts) of(id string) string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if found := w.known[strings.ToLower(id)]; found != nil {
		return found.Value.(seen).site
	}
	return ""
}

// noteID remembers where an object is, or where a request was sent.
func (w *whereabouts) noteID(id, site string) {
	id = strings.ToLower(id)
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if old := w.known[id]; old != nil {
		w.order.Remove(old)
	}
	w.known[id] = w.order.PushFront(seen{id, site})
	if oldest := w.order.Back(); w.order.Len() > remembered {
		delete(w.known, oldest.Value.(seen).id)
		w.order.Remove(oldest)
	}
}

// forget forgets where it is, or was sent.
func (w *whereabouts) forget(id string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if old := w.known[strings.ToLower(id)]; old != nil {
		w.order.Remove(old)
		delete(w.known, strings.ToLower(id))
	}
}

// note remembers where the objects are that a site's answer is about: it, or those in its list.
func (w *whereabouts) note(service string, answer proto.Message, site *Site) {
	message := answer.ProtoReflect()
	w.noteObject(service, message, site)
	fields := message.Descriptor().Fields()
	for number := range fields.Len() {
		field := fields.Get(number)
		switch {
		case field.Message() == nil || field.IsMap():
		case field.IsList():
			rows := message.Get(field).List()
			for place := range rows.Len() {
				w.noteObject(service, rows.Get(place).Message(), site)
			}
		case message.Has(field):
			w.noteObject(service, message.Get(field).Message(), site)
		}
	}
}

// noteObject remembers where a message's object is. What only speaks of one, such as an event of the
// audit, tells nothing of where that is.
func (w *whereabouts) noteObject(service string, message protoreflect.Message, site *Site) {
	note := func(id, objectType string) {
		switch {
		case id == "":
		case objects[objectType].Naming == NamingInstallation:
			w.noteID(id, everywhere)
		default:
			w.noteID(id, site.ID)
		}
	}
	objectType := textOf(message, "object_type")
	if own := metadataOf(message.Interface()); own != nil {
		note(own.Id, "")
		note(textOf(message, "operation"), "")
		// Of an operation.
		note(textOf(message, "object_id"), objectType)
		return
	}
	note(textOf(message, "id"), objectType)
	if service == "meta" {
		note(textOf(message, "object_id"), objectType)
	}
}
