# A workflow as a service, without the canvas (docs/scale.md):
#   docker build -t livestyle .
#   docker run --gpus all -p 8189:8189 -v /srv/livestyle:/data livestyle /data/workflow.json
FROM python:3.12-slim

WORKDIR /opt/livestyle
COPY requirements.txt requirements-serve.txt ./
RUN pip install --no-cache-dir -r requirements-serve.txt
COPY . .
RUN useradd --uid 1000 --create-home livestyle && install --directory --owner livestyle /data

USER 1000
VOLUME /data
EXPOSE 8189
# SIGTERM drains; it may take --drain seconds (30): give "docker stop" more than its ten.
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8189/health')"]
ENTRYPOINT ["python", "scripts/serve.py", "--folder", "/data", "--listen", "0.0.0.0"]
CMD ["workflows/api/restyle_a_video.json"]
