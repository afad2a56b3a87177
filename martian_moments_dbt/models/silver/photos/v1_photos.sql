{{ photos_of_source('v1') }}
