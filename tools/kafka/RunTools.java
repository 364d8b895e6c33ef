// Kafka's command line tools, one after another or side by side, in one JVM: a start costs more than most of their work.
// tools/kafka/tool-runner.mjs runs it and talks to it, a JSON object a line:
//   in   {"id", "tool": a class, "args": [...], "input": what stands in standard input}   runs it
//        {"stop": an id}                                                                  what Ctrl-C does: its shutdown hooks
//   out  {"id", "status", "stdout", "stderr"}                                             once it has ended
// The output of a tool is that of its thread and of those it starts. exit() ends its thread by an Error that goes through
// the tool, and some print whatever they catch: that is left out. Shutdown hooks run when the tool is stopped or has ended.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import org.apache.kafka.common.utils.Exit;

public class RunTools {
  static final ObjectMapper json = new ObjectMapper();
  static final PrintStream answers = System.out;
  static final InheritableThreadLocal<Run> current = new InheritableThreadLocal<>();
  static final Map<Integer, Run> running = new ConcurrentHashMap<>();

  static class Exited extends Error {
  }

  static class Run {
    final int id;
    final InputStream input;
    final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
    final ByteArrayOutputStream stderr = new ByteArrayOutputStream();
    final List<Runnable> shutdownHooks = new CopyOnWriteArrayList<>();
    volatile boolean exiting = false;
    volatile int status = 0;

    Run(int id, String input) {
      this.id = id;
      this.input = new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8));
    }

    void exit(int status) {
      if (!exiting) this.status = status;
      exiting = true;
      throw new Exited();
    }

    /** Those that were not run yet. A hook of a tool that is still at work waits until that has ended. */
    void runShutdownHooks() {
      List<Runnable> hooks = List.copyOf(shutdownHooks);
      shutdownHooks.clear();
      hooks.forEach(Runnable::run);
    }
  }

  public static void main(String[] args) throws Exception {
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    System.setOut(streamOfRun(run -> run.stdout));
    System.setErr(streamOfRun(run -> run.stderr));
    System.setIn(new InputOfRun());
    Exit.setExitProcedure((status, message) -> current.get().exit(status));
    Exit.setHaltProcedure((status, message) -> current.get().exit(status));
    Exit.setShutdownHookAdder((name, hook) -> current.get().shutdownHooks.add(hook));
    for (String line; (line = commands.readLine()) != null;) obey(json.readTree(line));
    Runtime.getRuntime().halt(0);
  }

  static void obey(JsonNode command) {
    if (command.has("stop")) {
      Run run = running.get(command.get("stop").asInt());
      if (run != null) new Thread(run::runShutdownHooks).start();
      return;
    }
    Run run = new Run(command.get("id").asInt(), command.path("input").asText());
    running.put(run.id, run);
    String[] args = json.convertValue(command.get("args"), String[].class);
    new Thread(() -> {
      current.set(run);
      run(run, command.get("tool").asText(), args);
      running.remove(run.id);
      answer(run);
    }).start();
  }

  static void run(Run run, String tool, String[] args) {
    try {
      Class.forName(tool).getMethod("main", String[].class).invoke(null, (Object) args);
    } catch (InvocationTargetException thrown) {
      if (!run.exiting) fail(run, thrown.getCause());
    } catch (ReflectiveOperationException unknown) {
      fail(run, unknown);
    }
    run.exiting = false;
    run.runShutdownHooks();
  }

  static void fail(Run run, Throwable reason) {
    reason.printStackTrace();
    run.status = 1;
  }

  static synchronized void answer(Run run) {
    try {
      answers.println(json.writeValueAsString(Map.of("id", run.id, "status", run.status, "stdout", run.stdout.toString(StandardCharsets.UTF_8), "stderr", run.stderr.toString(StandardCharsets.UTF_8))));
    } catch (IOException impossible) {
      throw new AssertionError(impossible);
    }
  }

  static PrintStream streamOfRun(Function<Run, OutputStream> stream) {
    return new PrintStream(new OutputStream() {
      @Override public void write(int octet) throws IOException {
        write(new byte[] {(byte) octet}, 0, 1);
      }
      @Override public void write(byte[] octets, int from, int count) throws IOException {
        Run run = current.get();
        if (run != null && !run.exiting) stream.apply(run).write(octets, from, count);
      }
    }, true, StandardCharsets.UTF_8);
  }

  static class InputOfRun extends InputStream {
    @Override public int read() throws IOException {
      return current.get().input.read();
    }
    @Override public int read(byte[] octets, int from, int count) throws IOException {
      return current.get().input.read(octets, from, count);
    }
    @Override public int available() throws IOException {
      return current.get().input.available();
    }
  }
}
